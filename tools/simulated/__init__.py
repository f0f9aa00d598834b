"""Tests of methods on images whose true scores are known, of which intervals and tests are judged."""
