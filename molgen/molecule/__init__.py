"""The molecule modality: codec, chemistry, properties, rules, synthesis and distance. Importing it loads nothing."""
