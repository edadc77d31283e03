/** What Marathon says of a pod that cannot be: in the words of api/v2/validation/PodsValidation.scala and state/Group.scala (v1.8). */
import { MarathonRefusal } from '../app/refusal.ts';

/** An app and a pod of one id. */
export function sharedId(id: string): MarathonRefusal {
  return new MarathonRefusal('invalid-app', 422, [
    { path: '/id', message: `Applications and Pods may not share the same id: ${id}` },
  ]);
}

/** A pod under another id than its definition's. */
export function badId(id: string, wanted: string): MarathonRefusal {
  return new MarathonRefusal('invalid-app', 422, [{ path: '/id', message: `got ${id}, expected ${wanted}` }]);
}

/** A number of a pod's instances that is none. */
export function badInstances(instances: number): MarathonRefusal {
  return new MarathonRefusal('invalid-app', 422, [
    { path: '/scaling/instances', message: `got ${instances}, expected 0 or more` },
  ]);
}

/** No pod is called so. */
export function noSuchPod(id: string): MarathonRefusal {
  return new MarathonRefusal('app-missing', 404, [{ path: '', message: `pod with ${id.slice(0, 200)} does not exist` }]);
}
