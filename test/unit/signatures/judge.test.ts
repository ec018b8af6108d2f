import { computeDigest } from "../../../lib/oci/digest";
import {
    DEFAULT_IDENTITY,
    type SignaturePolicy,
    type StoredSignature,
    countSignatures,
    isSignedBy,
    refusal,
} from "../../../lib/signatures";
import { cosignPayload, signatureLayer } from "../../support/signed-registry";
import { signingKey } from "../../support/signing-key";

const KEY = signingKey();
const OTHER = signingKey("rsa");
const MANIFEST = Buffer.from("{}");
const DIGEST = computeDigest(MANIFEST);
const NAME = "quay.io/team1/app";
const POLICY: SignaturePolicy = {
    name: "team1",
    scopes: ["quay.io/team1"],
    publicKey: KEY.publicKey,
    signedIdentity: DEFAULT_IDENTITY,
};

function stored(reference: string, key = KEY, digest = DIGEST): StoredSignature {
    const { payload, annotations = {} } = signatureLayer(key, cosignPayload(digest, reference));
    return { mediaType: "application/vnd.dev.cosign.simplesigning.v1+json", payload, annotations };
}

const byDigest = (signatures: readonly StoredSignature[], policy = POLICY) =>
    refusal(policy, { pulled: { name: NAME, digest: DIGEST }, manifest: MANIFEST }, signatures);

test("one signature that satisfies the policy is enough, and the reason names what is wrong with the others", () => {
    const wrongKey = stored(`${NAME}:1.0`, OTHER);
    const otherImage = stored(`${NAME}:1.0`, KEY, computeDigest("other"));
    expect(byDigest([])).toBe("it is not signed");
    expect(byDigest([wrongKey])).toBe("it is not signed with the key of the policy");
    expect(byDigest([wrongKey, otherImage])).toBe(
        `it is not signed with the key of the policy; its signature is for another image (${computeDigest("other")})`,
    );
    expect(byDigest([wrongKey, otherImage, stored(`${NAME}:1.0`)])).toBeUndefined();
});

test("cosign's default, a signature for the bare repository, needs MatchRepository", () => {
    const bare = [stored(NAME)];
    expect(byDigest(bare)).toBe(`it is signed as "${NAME}", which MatchRepoDigestOrExact does not accept`);
    expect(byDigest(bare, { ...POLICY, signedIdentity: { matchPolicy: "MatchRepository" } })).toBeUndefined();
});

test("a pull by tag needs a signature for that very tag", () => {
    const byTag = (tag: string) =>
        refusal(POLICY, { pulled: { name: NAME, tag }, manifest: MANIFEST }, [stored(`${NAME}:1.0`)]);
    expect(byTag("1.0")).toBeUndefined();
    expect(byTag("2.0")).toBe(`it is signed as "${NAME}:1.0", which MatchRepoDigestOrExact does not accept`);
});

test("who signed is told apart from whether the signature is accepted", () => {
    const signatures = [stored("quay.io/other/app:1.0")];
    expect(isSignedBy(POLICY, signatures)).toBe(true);
    expect(isSignedBy({ ...POLICY, publicKey: OTHER.publicKey }, signatures)).toBe(false);
    expect(byDigest(signatures)).toContain("MatchRepoDigestOrExact");
});

test("attachments under the tag are no signatures", () => {
    const attachment = { ...stored(`${NAME}:1.0`), mediaType: "application/vnd.dsse.envelope.v1+json" };
    expect(countSignatures([attachment, stored(NAME)])).toBe(1);
    expect(byDigest([attachment])).toBe("it is not signed");
});

test("a payload that is not of cosign's form is refused, whoever signed it", () => {
    const { payload, annotations = {} } = signatureLayer(KEY, cosignPayload(DIGEST, `${NAME}:1.0`, { more: 1 }));
    const signature = { ...stored(NAME), payload, annotations };
    expect(byDigest([signature])).toBe("its signature has no payload of cosign's form");
});
