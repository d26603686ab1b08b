"""What the programs in bench/ share: one file for each question that a measurement has to answer."""
