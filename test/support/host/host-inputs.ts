import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RegistryHostInputs } from "../../../dynamic-providers/registry-host/kind";
import { testAuthority } from "../certificates";
import { freePort } from "../registry-process";
import type { TestHost } from "./test-host";

export const HOST_OWNER = "project/stack";

/** An archive as the stand-in of podman reads it. @param digit of which the id of its image is made */
export function writeHostImage(file: string, digit: string): void {
    writeFileSync(file, `image localhost/distribution:3 ${digit.repeat(64)}\n`);
}

/** What a registry on a host is configured with: reached by this machine, and by one more network. */
export async function hostInputs(host: TestHost, imageFile: string) {
    const authority = await testAuthority();
    const issue = () => authority.issue();
    const { certificate: chain, key } = await issue();
    const { privateKey, ...address } = host.server.connection;
    const inputs: RegistryHostInputs = {
        ...{ selfUrn: "urn", host: address, login: { privateKey }, owner: HOST_OWNER },
        directory: join(host.root, "registry"),
        registry: {
            type: "distribution",
            mirrorBase: `localhost:${await freePort()}/mirror`,
            pushHost: `localhost:${await freePort()}`,
            ...{ ca: authority.ca, retrySeconds: 0 },
        },
        ...{
            image: { file: imageFile },
            allowedFrom: ["10.0.0.0/24", "127.0.0.0/8"],
            chain,
            key,
            deleteContent: false,
        },
    };
    return { inputs, issue };
}
