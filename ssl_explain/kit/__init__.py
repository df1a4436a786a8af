"""What every explorer, picture and exercise shares."""
