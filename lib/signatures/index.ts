export { type SignedImage, type StoredSignature, countSignatures, isSignedBy, refusal } from "./judge";
export { type SignaturePolicy, policiesOf } from "./policy";
export { policyJson, registriesD } from "./policy-files";
export { checkedPublicKey } from "./public-key";
export { DEFAULT_IDENTITY, type SignedIdentity } from "./signed-identity";
export type { SignedName } from "./signed-name";
export { type SignatureLookup, readSignatures, signatureTag } from "./stored-signatures";
