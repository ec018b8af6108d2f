/** Which of OpenShift's own catalogs a cluster uses (config.openshift.io/v1); there is one, named cluster. */
export interface OperatorHub {
    readonly apiVersion: "config.openshift.io/v1";
    readonly kind: "OperatorHub";
    readonly metadata: { readonly name: "cluster" };
    readonly spec: { readonly disableAllDefaultSources: true };
}

/**
 * Switches the default catalogs off: those that are mirrored are offered under names of their own, and the others cannot
 * be reached.
 */
export const DEFAULT_CATALOGS_OFF: OperatorHub = {
    apiVersion: "config.openshift.io/v1",
    kind: "OperatorHub",
    metadata: { name: "cluster" },
    spec: { disableAllDefaultSources: true },
};
