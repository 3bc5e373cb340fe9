"""Images drawn as stand-ins for datasets that the user has not downloaded, in those datasets' own layouts.

Nothing here is copied from a real image. The pictures are good enough to exercise every step of a study, and
hard enough that architectures differ on them; no score on them says anything about medicine.
"""
