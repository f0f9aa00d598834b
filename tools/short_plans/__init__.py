"""Plans of `conf/plans` made so short that they run on generated images in a minute, with their rows and nets."""
