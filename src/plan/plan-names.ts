/** Names: who resolves those of others, and what the host is called itself. */
import type { PlanDraft } from './plan-draft.js';

export function settleDns(draft: PlanDraft): void {
  const wanted = draft.input.target.dns;
  if (wanted === draft.model.dns) return;
  if (JSON.stringify(wanted) === JSON.stringify(draft.model.dns)) return;
  const words = [
    ...wanted.servers,
    ...(wanted.search.length > 0 ? [`search ${wanted.search.join(' ')}`] : []),
  ];
  draft.emit(
    {
      id: 'set dns',
      action: 'modify',
      object: 'dns',
      summary: `set DNS to ${words.join(', ') || 'nothing'}`,
      why: { text: 'dns-resolver', location: draft.input.desired.dns?.location },
    },
    { op: 'set-dns', dns: wanted },
  );
}

export function settleHostname(draft: PlanDraft): void {
  const { hostname } = draft.input.target;
  if (hostname === undefined || hostname === draft.model.hostname) return;
  draft.emit(
    {
      id: 'set hostname',
      action: 'modify',
      object: 'hostname',
      summary: `set the hostname to ${hostname}`,
      why: { text: 'hostname', location: draft.input.desired.hostname?.location },
    },
    { op: 'set-hostname', hostname },
  );
}
