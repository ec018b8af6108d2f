import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb";
import { PassthroughSite, type PassthroughSiteArgs } from "../../../components";

const PASSWORD = "canary-91be";
const SECRET = "4dabf18193072939515e22adb298388d";
const DYNAMIC = "pulumi-nodejs:dynamic/registry-passthrough:";

const SITE: PassthroughSiteArgs = {
    registry: { type: "harbor", mirrorBase: "registry.example/mirror" },
    content: [],
    certificate: { chain: "CHAIN" },
    certificateKey: pulumi.secret("KEY"),
    hostLogin: pulumi.secret({ privateKey: "canary-key" }),
    installation: {
        host: { address: "bastion.example", port: 22, user: "root", hostKey: "ssh-ed25519 AAAA" },
        installer: { path: "harbor.tgz", isOnHost: false, sha256: "0".repeat(64), version: "2.14.1" },
        ...{ directory: "/opt/registry", httpPort: 80, deleteContent: false },
    },
};

/** The inputs of each resource that a site has, by the end of its type, and what the engine was asked for. */
async function declare(args: PassthroughSiteArgs) {
    const inputs = new Map<string, Record<string, unknown>>();
    const registered = jest.spyOn(MockMonitor.prototype, "registerResource");
    const mocks: pulumi.runtime.Mocks = {
        newResource: ({ type, name, inputs: given }) => {
            inputs.set(type.replace(DYNAMIC, ""), given as Record<string, unknown>);
            const admin = { admin: { username: "admin", password: PASSWORD } };
            const robot = {
                robot: { username: name, createdAt: "", id: "1" },
                login: { username: name, password: "" },
            };
            const more = type.endsWith("RegistryInstallation") ? admin : type.endsWith("RobotAccount") ? robot : {};
            return { id: name, state: { ...(given as object), ...more } };
        },
        call: ({ token }) => {
            throw new Error(`not mocked: ${token}`);
        },
    };
    await pulumi.runtime.setMocks(mocks, "registry-passthrough", "test", false);
    new PassthroughSite("site", args);
    await pulumi.runtime.disconnect();
    const requests = registered.mock.calls.map(([request]) => request as RegisterResourceRequest);
    registered.mockRestore();
    return { inputs, requests };
}

test("a registry that is installed comes first, and its administrator makes everything else", async () => {
    const { inputs, requests } = await declare(SITE);
    const installation = inputs.get("RegistryInstallation");
    expect(installation).toMatchObject({
        owner: "registry-passthrough/test",
        chain: "CHAIN",
        directory: "/opt/registry",
    });
    for (const name of ["login", "key"]) expect(installation?.[name]).toMatchObject({ [SECRET]: expect.anything() });
    expect(inputs.get("RegistryAccess")?.credentials).toMatchObject({
        [SECRET]: expect.anything(),
        value: { username: "admin", password: PASSWORD },
    });
    const access = requests.find((request) => request.getName() === "registry");
    expect(access?.getDependenciesList().join()).toContain("RegistryInstallation");
    const own = requests.find((request) => request.getType().endsWith("RegistryInstallation"));
    expect(own?.getAdditionalsecretoutputsList()).toEqual(expect.arrayContaining(["admin", "secrets", "login", "key"]));
});

test("without a key to log in with, or a certificate, there is none", () => {
    for (const missing of ["hostLogin", "certificate"])
        expect(() => new PassthroughSite("site", { ...SITE, [missing]: undefined })).toThrow(
            "needs certificate and hostLogin",
        );
});
