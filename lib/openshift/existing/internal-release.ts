/** Port of the registry of an InternalReleaseImage, and of the appliance's (machine-config-operator, IRIRegistryPort). */
const MIRROR = /^(?:api-int\.[^/:]+|localhost|registry\.appliance\.openshift\.com):22625(?:\/|$)/;

/** True for a location in the registry that the control plane's nodes run for the release payload (4.22 and later). */
export function isInternalReleaseMirror(location: string): boolean {
    return MIRROR.test(location);
}
