export { flattenKubeconfigFile, readKubeconfig } from "./kubeconfig";
export { FLATTEN } from "./kubeconfig-document";
export { kubeconfigSecrets } from "./kubeconfig-secrets";
