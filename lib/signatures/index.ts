export { type SignedImage, type StoredSignature, countSignatures, isSignedBy, refusal } from "./judge";
export {
    type DecidingPolicy,
    type SignaturePolicy,
    decidingPolicies,
    policiesInForce,
    policiesOf,
    policiesWithoutEffect,
} from "./policy";
export { policyJson, registriesD } from "./policy-files";
export { checkedPublicKey } from "./public-key";
export { DEFAULT_IDENTITY, type SignedIdentity } from "./signed-identity";
export type { SignedName } from "./signed-name";
export {
    type ImageSetFiles,
    type PushSignatures,
    type SignatureRules,
    formatSignatureRules,
    parseSignatureRules,
} from "./signature-rules";
export { type SignatureLookup, type SignatureReader, readSignatures, signatureTag } from "./stored-signatures";
