// Written by scripts/generate_dapp.py (`make dapp-types`); do not edit.

/** Who sends a signed request for somebody else (ERC-2771). */
export const forwarderAbi = [
  {"inputs": [], "name": "EIP712DomainChanged", "type": "event"},
  {"inputs": [{"indexed": true, "name": "signer", "type": "address"}, {"indexed": false, "name": "nonce", "type": "uint256"}, {"indexed": false, "name": "success", "type": "bool"}], "name": "ExecutedForwardRequest", "type": "event"},
  {"inputs": [], "name": "eip712Domain", "outputs": [{"name": "fields", "type": "bytes1"}, {"name": "name", "type": "string"}, {"name": "version", "type": "string"}, {"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}, {"name": "salt", "type": "bytes32"}, {"name": "extensions", "type": "uint256[]"}], "stateMutability": "view", "type": "function"},
  {"inputs": [{"components": [{"name": "from", "type": "address"}, {"name": "to", "type": "address"}, {"name": "value", "type": "uint256"}, {"name": "gas", "type": "uint256"}, {"name": "deadline", "type": "uint48"}, {"name": "data", "type": "bytes"}, {"name": "signature", "type": "bytes"}], "name": "request", "type": "tuple"}], "name": "execute", "outputs": [], "stateMutability": "payable", "type": "function"},
  {"inputs": [{"components": [{"name": "from", "type": "address"}, {"name": "to", "type": "address"}, {"name": "value", "type": "uint256"}, {"name": "gas", "type": "uint256"}, {"name": "deadline", "type": "uint48"}, {"name": "data", "type": "bytes"}, {"name": "signature", "type": "bytes"}], "name": "requests", "type": "tuple[]"}, {"name": "refundReceiver", "type": "address"}], "name": "executeBatch", "outputs": [], "stateMutability": "payable", "type": "function"},
  {"inputs": [{"name": "owner", "type": "address"}], "name": "nonces", "outputs": [{"name": "", "type": "uint256"}], "stateMutability": "view", "type": "function"},
  {"inputs": [{"components": [{"name": "from", "type": "address"}, {"name": "to", "type": "address"}, {"name": "value", "type": "uint256"}, {"name": "gas", "type": "uint256"}, {"name": "deadline", "type": "uint48"}, {"name": "data", "type": "bytes"}, {"name": "signature", "type": "bytes"}], "name": "request", "type": "tuple"}], "name": "verify", "outputs": [{"name": "", "type": "bool"}], "stateMutability": "view", "type": "function"},
] as const;
