"""What the five papers print: their numbers, tables of them for the pages, never ranked beside ours."""
