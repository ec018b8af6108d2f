import { LookupCache } from "../../../lib/import";
import { computeDigest } from "../../../lib/oci/digest";
import { RegistryClient } from "../../../lib/distribution/client/registry-client";

const REPOSITORY = "mirror/quay.io/org/app";
const BLOB = computeDigest("blob");
const clients: RegistryClient[] = [];

/** A client whose questions are answered here: what it asks over a line is the integration tests' matter. */
function clientThat(answer: () => Promise<number | undefined>): { client: RegistryClient; asked: jest.SpyInstance } {
    const client = new RegistryClient({ endpoint: { host: "registry.example" } });
    clients.push(client);
    return { client, asked: jest.spyOn(client, "blobHead").mockImplementation(answer) };
}

afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
});

test("what was found is not asked for again, by whichever client", async () => {
    const lookups = new LookupCache();
    const first = clientThat(() => Promise.resolve(7));
    const second = clientThat(() => Promise.resolve(8));
    expect(await lookups.blob(first.client, REPOSITORY, BLOB)).toBe(7);
    expect(await lookups.blob(second.client, REPOSITORY, BLOB)).toBe(7);
    expect(await lookups.blob(second.client, `${REPOSITORY}2`, BLOB)).toBe(8);
    expect(second.asked.mock.calls).toEqual([[`${REPOSITORY}2`, BLOB]]);
});

test("who asks at the same time waits for the one answer", async () => {
    const { client, asked } = clientThat(() => Promise.resolve(7));
    const lookups = new LookupCache();
    const answers = [1, 2, 3].map(() => lookups.blob(client, REPOSITORY, BLOB));
    expect(await Promise.all(answers)).toEqual([7, 7, 7]);
    expect(asked).toHaveBeenCalledTimes(1);
});

test("tags are those of their repository", async () => {
    const { client } = clientThat(() => Promise.resolve(7));
    jest.spyOn(client, "manifestHead").mockImplementation((repository) => Promise.resolve(computeDigest(repository)));
    const lookups = new LookupCache();
    for (const repository of ["a/b", "a/c", "a/b"]) {
        expect(await lookups.tag(client, repository, "1")).toBe(computeDigest(repository));
    }
});

test("what was absent, and what could not be found out, is asked for again", async () => {
    const lookups = new LookupCache();
    const absent = clientThat(() => Promise.resolve(undefined));
    const broken = clientThat(() => Promise.reject(new Error("no connection")));
    const there = clientThat(() => Promise.resolve(7));
    expect(await lookups.blob(absent.client, REPOSITORY, BLOB)).toBeUndefined();
    await expect(lookups.blob(broken.client, REPOSITORY, BLOB)).rejects.toThrow("no connection");
    expect(await lookups.blob(there.client, REPOSITORY, BLOB)).toBe(7);
});

test("who waits for another's answer that never comes asks for itself", async () => {
    const lookups = new LookupCache();
    let fail: (error: Error) => void = () => undefined;
    const given = clientThat(() => new Promise((_, reject) => (fail = reject)));
    const own = clientThat(() => Promise.resolve(7));
    const first = lookups.blob(given.client, REPOSITORY, BLOB);
    const second = lookups.blob(own.client, REPOSITORY, BLOB);
    await Promise.resolve();
    fail(new Error("the run has ended"));
    await expect(first).rejects.toThrow("the run has ended");
    expect(await second).toBe(7);
});

test("after a write nothing counts that was seen before, nor what was on its way then", async () => {
    const lookups = new LookupCache();
    let tell: (size: number) => void = () => undefined;
    const slow = clientThat(() => new Promise((resolve) => (tell = resolve)));
    const gone = clientThat(() => Promise.resolve(undefined));
    const onItsWay = lookups.blob(slow.client, REPOSITORY, BLOB);
    await Promise.resolve();
    lookups.forget();
    tell(7);
    expect(await onItsWay).toBe(7);
    expect(await lookups.blob(gone.client, REPOSITORY, BLOB)).toBeUndefined();
});
