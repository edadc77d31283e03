/** What Marathon says of what is not there, or there already: in the words of Exception.scala and api/RestResource.scala (v1.8). */
import { MarathonRefusal } from '../app/refusal.ts';

/** No app is called so. */
export function noSuchApp(id: string): MarathonRefusal {
  return refusal('app-missing', 404, `App '${id.slice(0, 200)}' does not exist`);
}

/** An app had no such version; a rollback to one does not name it. */
export function noSuchVersion(id: string, version?: string): MarathonRefusal {
  const when = version === undefined ? '' : ` in version ${version.slice(0, 40)}`;
  return refusal('version-missing', 404, `App '${id.slice(0, 200)}' does not exist${when}`);
}

/** No group is called so. */
export function noSuchGroup(id: string): MarathonRefusal {
  return refusal('group-missing', 404, `Group '${id.slice(0, 200)}' does not exist`);
}

/** No task is called so. */
export function noSuchTask(id: string): MarathonRefusal {
  return refusal('task-missing', 404, `Task '${id.slice(0, 200)}' does not exist`);
}

/** No app of that id waits for offers. */
export function notQueued(id: string): MarathonRefusal {
  return refusal('app-missing', 404, `Application ${id.slice(0, 200)} not found in tasks queue.`);
}

/** An app or a pod of that id is there already. */
export function alreadyThere(kind: 'An app' | 'A pod', id: string): MarathonRefusal {
  return refusal('app-exists', 409, `${kind} with id [${id}] already exists.`);
}

function refusal(code: ConstructorParameters<typeof MarathonRefusal>[0], status: number, message: string): MarathonRefusal {
  return new MarathonRefusal(code, status, [{ path: '', message }]);
}
