import type { MirrorValidationOutputs } from "../../dynamic-providers/mirror-validation/kind";
import { mirrorValidationProvider as provider } from "../../dynamic-providers/mirror-validation/provider";
import { operationContext } from "../support/operation-context";
import { SignedRegistry } from "../support/signed-registry";
import { TEAM, pullInputs, signImage, signatureInput, teamPolicy } from "../support/signed-validation";
import { signingKey } from "../support/signing-key";

jest.setTimeout(120_000);

const [KEY, OTHER] = [signingKey(), signingKey()];
let registry: SignedRegistry;

beforeAll(async () => {
    registry = await SignedRegistry.start();
});
afterAll(() => registry.stop());

/** Three images, two of them under the policy: one is signed. */
async function inputs() {
    const put = (name: string) => registry.image(`mirror/${name}`, name, "amd64", "1");
    const [signed, unsigned, other] = [await put(`${TEAM}/app`), await put(`${TEAM}/tool`), await put("quay.io/x/y")];
    await signImage(registry, KEY, `${TEAM}/app`, signed);
    const images = { [`${TEAM}/app:1`]: signed, [`${TEAM}/tool:1`]: unsigned, "quay.io/x/y:1": other };
    const common = { selfUrn: "urn:x", sparse: [], wholeImages: 0, signatures: signatureInput(teamPolicy(KEY)) };
    return { ...pullInputs(registry, images), ...common };
}

test("an up warns of images that nodes would refuse, proves all the same, and keeps the counts; so does a refresh", async () => {
    const lines: string[] = [];
    const news = await inputs();
    const { outs } = await provider.create(news, operationContext(lines));
    const warning = lines.find((line) => line.includes("nodes of 4.20 and later refuse 1 of 2 images"));
    expect(warning).toContain(`${TEAM}/tool:1: policy team1 on ${TEAM}: it is not signed`);
    expect(warning).not.toContain(`${TEAM}/app`);
    expect(outs.summary).toMatchObject({
        status: "proven",
        images: 3,
        signatures: { accepted: 1, refused: 1, unread: 0 },
    });
    lines.length = 0;
    const read = await provider.read(outs as MirrorValidationOutputs, operationContext(lines));
    expect(lines).toEqual([warning]);
    expect(read.outs.summary).toEqual(outs.summary);
    await signImage(registry, KEY, `${TEAM}/tool`, news.images[`${TEAM}/tool:1`] ?? "");
    lines.length = 0;
    const later = await provider.read(outs as MirrorValidationOutputs, operationContext(lines));
    expect(lines).toEqual([]);
    expect(later.outs.summary).toMatchObject({ signatures: { accepted: 2, refused: 0, unread: 0 } });
});

test("a preview says what another policy makes of what is in the mirror, and nothing when none has changed", async () => {
    const news = await inputs();
    const lines: string[] = [];
    const changed = { ...news, signatures: signatureInput(teamPolicy(OTHER)) };
    await provider.describeChanges?.(news, changed, operationContext(lines));
    expect(lines.join("\n")).toContain(
        `${TEAM}/app:1: policy team1 on ${TEAM}: it is not signed with the key of the policy`,
    );
    lines.length = 0;
    await provider.describeChanges?.(news, news, operationContext(lines));
    expect(lines.filter((line) => line.includes("site.signatures"))).toEqual([]);
});
