import { parse } from "yaml";
import { imageSetAddition, imageSetLines } from "../../../lib/passthrough/coverage/image-set-addition";
import type { CoveredImage } from "../../../lib/passthrough";

const missing = (...names: readonly string[]): CoveredImage[] =>
    names.map((add) => ({ image: add, owners: ["Pod a"], state: "missing", add }));
const COMPONENT = "quay.io/openshift-release-dev/ocp-v4.0-art-dev@sha256:1";
const RELEASE = { version: "4.18.20", channel: "eus-4.18" };

test("images are listed once, sorted", () => {
    const lines = imageSetLines(imageSetAddition(missing("b/b:1", "a/a:1", "b/b:1"), undefined));
    expect(parse(lines.join("\n"))).toEqual({ mirror: { additionalImages: [{ name: "a/a:1" }, { name: "b/b:1" }] } });
});

test("images of a release come with the release of the cluster", () => {
    const images = missing(COMPONENT, "quay.io/openshift-release-dev/ocp-release@sha256:2", "a/a:1");
    expect(parse(imageSetLines(imageSetAddition(images, RELEASE)).join("\n"))).toEqual({
        mirror: {
            platform: { channels: [{ name: "eus-4.18", minVersion: "4.18.20", maxVersion: "4.18.20" }] },
            additionalImages: [{ name: "a/a:1" }],
        },
    });
    expect(imageSetAddition(images, undefined).images).toContain(COMPONENT);
    expect(imageSetAddition(missing("a/a:1"), RELEASE)).toEqual({ images: ["a/a:1"] });
});

test("a cluster without a channel gets the stable one of its version", () => {
    const lines = imageSetLines(imageSetAddition(missing(COMPONENT), { version: "4.18.20" }));
    expect(lines).toContain("      - name: stable-4.18");
});
