"""What a project sells and to whom: prices taken over from the provider or made there, users with their rights."""
