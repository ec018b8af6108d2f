import type { Credentials } from "../../lib/http/credentials";
import type { RegistryKind } from "../../lib/registries";
import { type TestAuthority, testAuthority } from "./certificates";
import { FakeHarbor } from "./harbor/fake-harbor";
import { FakeQuay } from "./quay/fake-quay";
import type { Contents } from "./registry-contents";
import type { RegistryProcess } from "./registry-process";

/** A stand-in with an administrator, a project or organization `mirror`, and what may happen to its content. */
export interface ListingServer {
    readonly kind: RegistryKind;
    readonly host: string;
    readonly authority: TestAuthority;
    readonly admin: Credentials;
    /** The registry behind, and what it holds. */
    readonly registry: RegistryProcess;
    readonly contents: Contents;
    /** Requests that reached it. */
    requests(): number;
    addRepository(name: string): void;
    deleteTag(repository: string, tag: string): void;
    /** With its tags, and the children that nothing else holds. */
    deleteManifest(repository: string, digest: string): void;
    deleteRepository(repository: string): void;
    stop(): Promise<void>;
}

const ADMIN = { username: "admin", password: "canary-90ba11" };

async function listingHarbor(): Promise<ListingServer> {
    const authority = await testAuthority();
    const fake = await FakeHarbor.start(await authority.issue());
    const { harbor, contents, registry, host } = fake;
    harbor.users.push({ ...ADMIN, sysadmin: true });
    const metadata = { public: "false" };
    harbor.projects.push({
        project_id: 7,
        name: "mirror",
        owner_name: "admin",
        metadata,
        quota: -1,
        used: 0,
        immutable: [],
    });
    return {
        ...{ kind: "harbor", host, authority, admin: ADMIN, registry, contents },
        requests: () => fake.urls.length,
        // Harbor makes them with the first push.
        addRepository: () => undefined,
        deleteTag: (repository, tag) => contents.removeTag(repository, tag),
        deleteManifest: (repository, digest) => {
            const { children } = contents.manifest(digest);
            contents.removeManifest(repository, digest);
            for (const child of children) contents.removeManifest(repository, child);
        },
        deleteRepository: (repository) => contents.remove(repository),
        stop: () => fake.stop(),
    };
}

async function listingQuay(): Promise<ListingServer> {
    const authority = await testAuthority();
    const fake = await FakeQuay.start("quay", await authority.issue());
    fake.setting = { ...fake.setting, version: "Quay v3.18.0" };
    const { model, contents, registry, host } = fake;
    model.addUser(ADMIN.username, ADMIN.password);
    const organization = model.addOrganization("mirror", ADMIN.username);
    let requests = 0;
    fake.hold = () => {
        requests++;
        return undefined;
    };
    return {
        ...{ kind: "quay", host, authority, admin: ADMIN, registry, contents },
        requests: () => requests,
        addRepository: (name) => void model.addRepository(organization, name, ADMIN.username),
        deleteTag: (repository, tag) => fake.deleteTag(repository, tag),
        deleteManifest: (repository, digest) => {
            for (const tag of contents.tagsOf(repository, digest)) fake.deleteTag(repository, tag);
        },
        deleteRepository: (repository) => {
            organization.repositories.delete(repository.slice("mirror/".length));
            contents.remove(repository);
        },
        stop: () => fake.stop(),
    };
}

export const LISTING_SERVERS = [
    ["Harbor", listingHarbor],
    ["Quay", listingQuay],
] as const;
