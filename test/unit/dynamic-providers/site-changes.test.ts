import { siteChanges } from "../../../dynamic-providers/registry-access/changes";
import { UNKNOWN_VALUE } from "../../../dynamic-providers/lifecycle/unknown-value";
import { testAuthority } from "../../support/certificates";

const INPUTS = {
    selfUrn: "urn:registry",
    registry: { type: "harbor" as const, mirrorBase: "harbor.example/mirror", retrySeconds: 1 },
    credentials: { username: "admin", password: "canary-former" },
    account: "admin" as const,
};
const changes = (news: Partial<Parameters<typeof siteChanges>[1]>) => siteChanges(INPUTS, { ...INPUTS, ...news });

test("nothing is said of a new site, of one that stays as it is, and of what is not known yet", () => {
    expect(siteChanges({}, INPUTS)).toEqual([]);
    expect(changes({})).toEqual([]);
    expect(changes({ registry: { ...INPUTS.registry, mirrorBase: UNKNOWN_VALUE } })).toEqual([]);
    expect(changes({ credentials: { username: "admin", password: UNKNOWN_VALUE } })).toEqual([]);
});

test.each([
    [{ username: "admin", password: "canary-new" }, "registryPassword"],
    [{ username: "other", password: "canary-former" }, "registryUsername"],
    [{ username: "other", password: "canary-new" }, "registryUsername and registryPassword"],
    [{ token: "canary-token" }, "registryToken"],
])("other credentials are named by their keys alone (%#)", (credentials, keys) => {
    const [text = "", ...more] = changes({ credentials });
    expect(more).toEqual([]);
    expect(text).toContain(
        `${keys}: the stored credentials change, and nothing else for it: no robot account, image or mirror rule`,
    );
    expect(text).not.toContain("canary");
});

test("a token in place of a password and the other way round", () => {
    const olds = { ...INPUTS, credentials: { token: "canary-token" } };
    expect(siteChanges(olds, olds)).toEqual([]);
    expect(siteChanges(olds, INPUTS)[0]).toContain("registryUsername and registryPassword: ");
});

test("without robot accounts clusters may pull with the account", () => {
    const registry = { ...INPUTS.registry, type: "distribution" as const };
    const olds = { ...INPUTS, registry, account: "importer" as const };
    const [text] = siteChanges(olds, { ...olds, credentials: { username: "admin", password: "canary-new" } });
    expect(text).toContain("no image is sent again; clusters that pull with this account get it in their pull secret");
});

test("another registry is announced with the order, another CA with its certificates", async () => {
    const { ca } = await testAuthority("New CA");
    const [moved = "", trusted = ""] = changes({
        registry: { ...INPUTS.registry, mirrorBase: "other.example/mirror", ca },
    });
    expect(moved).toContain("the registry moves from harbor.example/mirror to other.example/mirror, in this order:");
    expect(moved).toContain("1. at other.example/mirror: robot accounts are created, ");
    expect(trusted).toMatch(/site\.registry\.ca changes .*\n {4}\+ CN=New CA, expires on \d{4}-\d\d-\d\d, SHA-256 /);
});
