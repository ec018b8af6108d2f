import { type AccountKey, accountIssues, readAccounts, proxyAccountIssues } from "../../../lib/site";
import type { RegistryKind } from "../../../lib/registries";

type Keys = Partial<Record<AccountKey, string>>;
const PUSHER: Keys = { registryUsername: "pusher", registryPassword: "canary-1" };
const PULLER: Keys = { pullerUsername: "puller", pullerPassword: "canary-2" };
const accounts = (keys: Keys) => readAccounts((key) => keys[key]);
const problems = (kind: RegistryKind, keys: Keys) =>
    accountIssues((key) => keys[key], kind, "site-a").map(({ key, problem }) => `${key}: ${problem}`);

test("the account that pushes also pulls and administers, unless there is another one for it", () => {
    const pusher = { username: "pusher", password: "canary-1" };
    expect(accounts(PUSHER)).toEqual({ admin: pusher, importer: pusher, puller: pusher });
    expect(accounts({ ...PUSHER, ...PULLER }).puller).toEqual({ username: "puller", password: "canary-2" });
    expect(accounts({ registryToken: "canary-3" })).toEqual({ admin: { token: "canary-3" } });
    expect(accounts({ pullerUsername: "half" })).toEqual({});
});

test("an account must be complete, and of use to the kind of registry", () => {
    expect(problems("distribution", PUSHER)).toEqual([]);
    expect(problems("distribution", { ...PUSHER, pullerUsername: "half" })).toEqual(["pullerPassword: it is not set"]);
    expect(problems("distribution", { ...PUSHER, registryPassword: "" })).toEqual(["registryPassword: it is not set"]);
    expect(problems("harbor", { ...PUSHER, ...PULLER, registryToken: "t", superuserPassword: "long enough" })).toEqual([
        "pullerUsername: harbor does not use it",
        "pullerPassword: harbor does not use it",
        "registryToken: harbor does not use it",
        "superuserPassword: harbor does not use it",
    ]);
    expect(problems("quay", { registryToken: "t" })).toEqual([]);
    expect(problems("quay", { ...PUSHER, registryToken: "t" })).toEqual([
        "registryToken: registryUsername or registryPassword is set as well",
    ]);
    expect(problems("quay", { registryToken: "" })).toEqual(["registryToken: it is not set"]);
    expect(problems("jfrog", { registryToken: "t" })).toEqual([]);
    expect(problems("jfrog", { ...PUSHER, superuserPassword: "long enough" })).toEqual([
        "superuserPassword: jfrog does not use it",
    ]);
    expect(problems("mirror-registry", { ...PUSHER, superuserPassword: "has a blank" })).toEqual([
        "superuserPassword: it is too short, or contains whitespace",
    ]);
});

test("what is missing is reported with the command that sets it", () => {
    expect(accountIssues(() => undefined, "distribution", "site-a").map(({ fix }) => fix)).toEqual([
        "set it with: npm run pulumi -- config set registryUsername --stack site-a",
        "set it with: npm run pulumi -- config set --secret registryPassword --stack site-a",
    ]);
});

test("the account of a proxy is complete, and there is a proxy for it", () => {
    const read = (keys: Readonly<Record<string, string>>) => (key: string) => keys[key];
    const issues = (keys: Readonly<Record<string, string>>, proxy?: string) =>
        proxyAccountIssues(read(keys), proxy, "site-a").map(({ key, problem }) => `${key}: ${problem}`);
    const account = { proxyUsername: "mirror", proxyPassword: "canary" };
    expect([issues({}), issues({}, "environment"), issues(account, "environment")]).toEqual([[], [], []]);
    expect(issues({ proxyUsername: "mirror" }, "environment")).toEqual(["proxyPassword: it is not set"]);
    expect(issues({ proxyPassword: "canary" }, "environment")).toEqual(["proxyUsername: it is not set"]);
    expect(issues(account)).toEqual([
        "proxyUsername: site.registry.proxy, which it is for, is not set",
        "proxyPassword: site.registry.proxy, which it is for, is not set",
    ]);
});
