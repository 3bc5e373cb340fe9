from study.report.__main__ import main


def command(tmp_path, name):
    return main([name, "--results", str(tmp_path / "results"), "--reports", str(tmp_path / "reports")])


def test_a_run_is_drawn_by_name(make_run, tmp_path, capsys):
    make_run(stage="declared")
    assert command(tmp_path, "her2_binary") == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "reports" / "her2_binary.md")
    assert {"README.md", "index.html", "her2_binary.html"} <= {path.name for path in (tmp_path / "reports").iterdir()}


def test_the_path_of_a_study_file_stands_for_its_stem(make_run, tmp_path):
    make_run(stage="declared")
    assert command(tmp_path, "search_spaces/her2_binary.py") == 0


def test_the_run_on_drawn_images_is_meant_where_there_is_no_other(make_run, tmp_path, capsys):
    make_run(stage="declared", name="her2_binary-standin")
    assert command(tmp_path, "her2_binary") == 0
    assert capsys.readouterr().out.strip().endswith("her2_binary-standin.md")


def test_an_unknown_run_is_answered_with_the_nearest_one_and_nothing_is_written(make_run, tmp_path, capsys):
    make_run(stage="declared", name="her2_binary-standin")
    assert command(tmp_path, "her2_binary-standing") == 2
    message = capsys.readouterr().err
    assert "Did you mean 'her2_binary-standin'?" in message
    assert len(message.splitlines()) == 1
    assert not (tmp_path / "reports").exists()


def test_without_any_records_the_message_says_how_to_make_some(tmp_path, capsys):
    assert command(tmp_path, "her2_binary") == 2
    assert "python -m study.run" in capsys.readouterr().err
    assert not (tmp_path / "reports").exists()


def test_a_damaged_log_is_an_error_that_names_the_line(make_run, tmp_path, capsys):
    folder = make_run(stage="declared")
    folder.events.write_bytes(b"not json\n" + folder.events.read_bytes())
    assert command(tmp_path, "her2_binary") == 2
    assert "line 1 is" in capsys.readouterr().err
