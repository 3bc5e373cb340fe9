"use strict";

/* Sorts a table by the column of a heading: the larger figures or the first letters first, then the other way round,
   then as it was. */
const NOTHING = "\u2014";
const FIGURE = /^[+\u2212-]?[\d,]*\.?\d+(?= |$)/;

function key(row, column) {
  const text = row.cells[column].textContent.trim();
  if (text === "" || text === NOTHING) return null;
  const figure = text.match(FIGURE);
  return figure ? Number(figure[0].replaceAll(",", "").replace("\u2212", "-")) : text;
}

/* Figures come before words; what is missing comes last in either direction. */
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return sign * (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
}

function makeSortable(table) {
  const body = table.tBodies[0];
  const original = [...body.rows];
  const headings = [...table.tHead.rows[0].cells];
  const status = document.createElement("p");
  status.className = "hidden";
  status.setAttribute("role", "status");
  table.parentElement.after(status);

  function sort(heading, column) {
    const first = heading.classList.contains("number") ? "descending" : "ascending";
    const second = first === "descending" ? "ascending" : "descending";
    const before = heading.getAttribute("aria-sort");
    const order = before === null ? first : before === first ? second : null;
    headings.forEach((each) => each.removeAttribute("aria-sort"));
    table.toggleAttribute("data-sorted", order !== null);
    const rows = [...original];
    if (order !== null) {
      heading.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      rows.sort((a, b) => compare(key(a, column), key(b, column), sign));
    }
    body.append(...rows);
    status.textContent = order === null ? "Original order" : `Sorted by ${heading.textContent}, ${order}`;
  }

  headings.forEach((heading, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sort(heading, column));
    heading.append(button);
  });
}

/* A box that needs no scrolling is no stop on the way through the page by keyboard. */
function watchScrollBox(box) {
  new ResizeObserver(() => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }).observe(box);
}

function prepareSwitch(button) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const show = () => button.setAttribute("aria-pressed", isDark());
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    show();
  });
  system.addEventListener("change", show);
  show();
  button.hidden = false;
}

/* The contents stand open where they have a column of their own. */
function openContents(details) {
  const wide = matchMedia("(min-width: 72rem)");
  const show = () => { details.open = wide.matches; };
  wide.addEventListener("change", show);
  show();
}

document.querySelectorAll("table[data-sortable]").forEach(makeSortable);
document.querySelectorAll(".scroll").forEach(watchScrollBox);
prepareSwitch(document.getElementById("dark"));
openContents(document.querySelector("nav details"));
