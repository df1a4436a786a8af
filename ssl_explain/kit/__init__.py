"""What every explorer, picture, prediction and exercise shares."""
