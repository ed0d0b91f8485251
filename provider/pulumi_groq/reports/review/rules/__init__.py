"""What a reviewer should look at: one module for each subject."""
