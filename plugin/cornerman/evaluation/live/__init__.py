"""Live battles: results of versions, the offline check of a candidate, and its trial against the champion."""
