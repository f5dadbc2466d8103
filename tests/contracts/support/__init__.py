"""What the contract tests share: keys, the deployed world, forms of its structs, clock, errors,
gas."""
