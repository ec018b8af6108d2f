import { type ImageTask, executePlan, planImport, verifyImages } from "../../lib/import";
import { parseMirrorBase } from "../../lib/mirror/mirror-reference";
import { RegistryClient } from "../../lib/distribution/client/registry-client";
import { OWNER } from "../support/quay/account";
import { FakeQuay } from "../support/quay/fake-quay";
import { MemoryImageSet } from "../support/image-set";
import { problemText } from "../support/problems";

const RETRY = { seconds: 0, firstDelay: 1, longestDelay: 1 };
let quay: FakeQuay;
let client: RegistryClient;
let tasks: ImageTask[];

/** Twenty images, each in a repository of its own, and a robot account that may push to all of them. */
beforeEach(async () => {
    quay = await FakeQuay.start("quay");
    const organization = quay.model.addOrganization("mirror", OWNER.username);
    const { name, token } = quay.model.addRobot(organization, "importer-1");
    quay.model.addPrototype(organization, name, "write");
    const content = new MemoryImageSet();
    for (let i = 0; i < 20; i++) {
        content.image(`quay.io/org/app${i}:1`);
        quay.model.addRepository(organization, `quay.io/org/app${i}`, OWNER.username);
    }
    client = new RegistryClient({
        endpoint: { host: quay.host, plainHttp: true },
        credentials: { username: name, password: token },
        retry: RETRY,
    });
    const base = parseMirrorBase(`${quay.host}/mirror`);
    const plan = await planImport(client, { images: content.images, set: content.set, base });
    expect((await executePlan(client, content, plan)).failed).toEqual([]);
    tasks = plan.push.map(({ task }) => task);
});

afterEach(async () => {
    await client.close();
    await quay.stop();
});

/** As somebody with Quay's interface; the tokens given before would still be believed. */
async function remove(repositories: readonly string[]): Promise<RegistryClient> {
    const organization = quay.model.organizations.get("mirror");
    for (const repository of repositories) organization?.repositories.delete(repository.slice("mirror/".length));
    await client.close();
    const { name = "", token = "" } = organization?.robots.get("importer-1") ?? {};
    client = new RegistryClient({
        endpoint: { host: quay.host, plainHttp: true },
        credentials: { username: name, password: token },
        retry: RETRY,
    });
    return client;
}

test("a deleted repository, which Quay answers with 401, fails its images by name and hides no other finding", async () => {
    const [first, , third] = tasks;
    await client.manifestDelete(third?.repository ?? "", third?.digest ?? "");
    const { failures, proofs } = await verifyImages(await remove([first?.repository ?? ""]), tasks);
    expect(failures.map(({ source }) => source).sort()).toEqual([first?.source, third?.source].sort());
    const denied = failures.find(({ source }) => source === first?.source);
    expect(problemText(denied)).toContain("UNAUTHORIZED (401)");
    expect(problemText(denied)).toContain("the registry rejects the account in this repository, and not in others");
    expect(proofs).toHaveLength(18);
});

test("an account that is rejected everywhere is no finding about images, and is not tried for each of them", async () => {
    const unable = await remove(tasks.map(({ repository }) => repository));
    const before = quay.accesses.length;
    await expect(verifyImages(unable, tasks)).rejects.toMatchObject({ status: 401 });
    const asked = new Set(quay.accesses.slice(before).map(({ path }) => path));
    expect(asked).toEqual(new Set(["/v2/auth"]));
    expect(quay.accesses.length - before).toBeLessThan(40);
});
