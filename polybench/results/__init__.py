"""What runs leave behind: records, their statistics and the leaderboard pages; readable without torch."""
