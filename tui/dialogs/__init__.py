"""What stands over a screen: questions, explanations, help."""
