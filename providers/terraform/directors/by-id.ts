/** Core asks about one resource at a time. Lists that every call looks into are gone through once, and not for each. */
import { serviceId, type VirtualService } from '../../../lib/model';

/** @param make what to know about a list, which nobody changes any more */
function perList<Item, Index>(make: (list: readonly Item[]) => Index): (list: readonly Item[]) => Index {
  const known = new WeakMap<readonly Item[], Index>();
  return (list) => {
    let index = known.get(list);
    if (index === undefined) known.set(list, (index = make(list)));
    return index;
  };
}

/** Virtual services by their ids. */
export const servicesById = perList<VirtualService, ReadonlyMap<string, VirtualService>>(
  (services) => new Map(services.map((service) => [serviceId(service.key), service])),
);

/** The ids of a list as a set. */
export const idsIn = perList<string, ReadonlySet<string>>((ids) => new Set(ids));
