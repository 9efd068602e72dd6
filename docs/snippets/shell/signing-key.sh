cosign generate-key-pair
