"""The protein modality: alphabet, codec, properties, rules, synthesis and distance. Importing it loads nothing."""
