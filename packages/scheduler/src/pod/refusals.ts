/** What Marathon says of a pod that cannot be: in the words of api/v2/validation/PodsValidation.scala and state/Group.scala (v1.8). */
import { MarathonRefusal } from '../app/refusal.ts';

/** An app and a pod of one id. */
export function sharedId(): MarathonRefusal {
  return new MarathonRefusal('invalid-app', 422, [{ path: '/', message: 'Applications and Pods may not share the same id' }]);
}

/** A pod's definition for another path than its own id. */
export function badId(id: string, path: string): MarathonRefusal {
  const message = `'${path.slice(0, 200)}' does not match definition's id ('${id.slice(0, 200)}')`;
  return new MarathonRefusal('bad-request', 400, [{ path: '', message }]);
}

/** A number of a pod's instances that is none. */
export function badInstances(instances: number): MarathonRefusal {
  return new MarathonRefusal('invalid-app', 422, [
    { path: '/scaling/instances', message: `got ${instances}, expected 0 or more` },
  ]);
}

/** No pod is called so: what a GET of it answers. */
export function noSuchPod(id: string): MarathonRefusal {
  return new MarathonRefusal('app-missing', 404, [{ path: '', message: `pod with ${id.slice(0, 200)} does not exist` }]);
}

/** No pod is called so, or had such a version: what other requests answer. */
export function unknownPod(id: string): MarathonRefusal {
  return new MarathonRefusal('app-missing', 404, [{ path: '', message: `Pod '${id.slice(0, 200)}' does not exist` }]);
}
