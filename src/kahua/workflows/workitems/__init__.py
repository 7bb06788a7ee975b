"""What this site does of workitems: reads them as orders, performs them by runs, says what came of it."""
