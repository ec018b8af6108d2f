import { z } from "zod";
import type { Reference } from "../../../oci/reference";

/** `image-references` of a release: an ImageStream that names every component by digest. */
export const imageReferences = z.looseObject({
    spec: z.looseObject({
        tags: z.array(z.looseObject({ name: z.string(), from: z.looseObject({ name: z.string() }).nullish() })),
    }),
});

/** `release-metadata` of a release. */
export const releaseMetadata = z.looseObject({ version: z.string() });

/** Red Hat publishes the images of a release beside the release itself. */
const COMPONENT_REPOSITORY = /^openshift-release-dev\/ocp-v\d+\.\d+-art-dev$/;
const PAYLOAD_REPOSITORY = "openshift-release-dev/ocp-release";

/** Where a release is published whose components are in this repository; undefined if that is not Red Hat's. */
export function payloadRepository({
    registry,
    repository,
}: Reference): Pick<Reference, "registry" | "repository"> | undefined {
    return COMPONENT_REPOSITORY.test(repository) ? { registry, repository: PAYLOAD_REPOSITORY } : undefined;
}
