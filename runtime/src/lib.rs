//! What both herd servers share: configuration, rosters, log file and the host of the core.
