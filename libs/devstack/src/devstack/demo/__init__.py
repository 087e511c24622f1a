"""The main job, played on real parts and over public interfaces only: no step looks into a database or a
process. `play.main_job` reads like the story; one module per scene."""
