"""Files that let everything run offline; see README.md in this folder for what each is and its licence."""
