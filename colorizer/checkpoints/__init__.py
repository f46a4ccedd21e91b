"""What is saved of a training, and read again; published weights; files of the released code."""
