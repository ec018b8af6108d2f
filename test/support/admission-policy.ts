import type { ApiClient, NamedObject } from "./cluster/api-client";

export const ADMISSION = "admissionregistration.k8s.io/v1";

export interface AdmissionPolicy {
    readonly name: string;
    /** CEL; false refuses. */
    readonly expression: string;
    readonly message: string;
    readonly reason?: string;
    readonly resource?: string;
}

/**
 * Creates a ValidatingAdmissionPolicy with its binding, for what is created in one namespace, or for namespaces.
 * @returns what removes both
 */
export async function createAdmissionPolicy(
    admin: ApiClient,
    policy: AdmissionPolicy,
    namespace?: string,
): Promise<() => Promise<void>> {
    const { name, expression, message, reason, resource = "pods" } = policy;
    const metadata = { name };
    const resourceRules = [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: [resource] }];
    const validations = [{ expression, message, ...(reason === undefined ? {} : { reason }) }];
    const matchConstraints = { resourceRules };
    const matchLabels = { "kubernetes.io/metadata.name": namespace ?? "" };
    const matchResources = namespace === undefined ? {} : { matchResources: { namespaceSelector: { matchLabels } } };
    const objects = [
        {
            ...{ apiVersion: ADMISSION, kind: "ValidatingAdmissionPolicy", metadata },
            spec: { failurePolicy: "Fail", matchConstraints, validations },
        },
        {
            ...{ apiVersion: ADMISSION, kind: "ValidatingAdmissionPolicyBinding", metadata },
            spec: { policyName: name, validationActions: ["Deny"], ...matchResources },
        },
    ] as const satisfies (NamedObject & { readonly spec: object })[];
    for (const object of objects) await admin.create(object);
    return async () => {
        for (const object of objects) await admin.remove(object);
    };
}
