import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { REGISTRY_KINDS } from "../../../lib/registries/registry-admin";
import { readSite } from "../../../lib/site";
import { testAuthority } from "../../support/certificates";
import { PROJECT } from "../../support/stack";

const EXAMPLES = join(PROJECT, "examples");
const LOCK = JSON.stringify({
    lockVersion: 1,
    format: "oci-layout",
    parts: [{ name: "index.json", size: 1 }],
    images: {},
    manifests: {},
    blobs: {},
    earlier: { images: {}, manifests: {}, blobs: {} },
    absent: [],
});

test.each(REGISTRY_KINDS)("the example of %s is a site without a fault, and has a page", async (kind) => {
    const folder = join(EXAMPLES, kind);
    const [file = ""] = readdirSync(folder).filter((name) => /^Pulumi\..+\.yaml$/.test(name));
    const { config } = parse(readFileSync(join(folder, file), "utf8")) as { config: Record<string, unknown> };
    const { ca } = await testAuthority();
    const read = (path: string) => (path.endsWith(".pem") ? ca : LOCK);
    const context = { read, now: new Date(), stack: "site" };
    const { site, issues } = readSite(config["registry-passthrough:site"], undefined, context);
    expect(issues).toEqual([]);
    expect(site?.registry.type).toBe(kind);
    expect(readFileSync(join(folder, "README.md"), "utf8")).toContain(file);
});
