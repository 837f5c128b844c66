//! What can be granted on: who owns it, what was granted on it and what its data needs. Decides nothing.

use std::collections::{BTreeSet, HashMap};

use polder_model::{Column, Privilege, Securable, SecurableKind};

use crate::permit::ColumnRule;
use crate::principals::{PrincipalId, Reach};
use crate::rights::Rights;

/// A securable's number in one [`Securables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SecurableId(u32);

/// Every securable of an environment.
#[derive(Debug)]
pub(crate) struct Securables {
    ids: HashMap<Securable, SecurableId>,
    nodes: Vec<Node>,
}

/// One securable.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) securable: Securable,
    /// Whether it exists, or is only mentioned by a grant or by what is in it.
    pub(crate) exists: bool,
    pub(crate) owner: Option<PrincipalId>,
    /// The masks of its `pii` columns.
    pub(crate) masks: Vec<ColumnRule>,
    pub(crate) has_pii: bool,
    /// The tags of its columns.
    pub(crate) tags: BTreeSet<String>,
    pub(crate) row_filters: Vec<(PrincipalId, String)>,
    parent: Option<SecurableId>,
    /// In the order of principals, each once.
    grants: Vec<(PrincipalId, Rights)>,
    /// Who may know of something in it by a right on that thing alone, with the thing. In the order of principals, each once.
    inside: Vec<(PrincipalId, SecurableId)>,
}

impl Securables {
    /// Knows only the metastore.
    pub(crate) fn new() -> Self {
        let mut securables = Self { ids: HashMap::new(), nodes: Vec::new() };
        let metastore = securables.intern(&Securable::Metastore);
        securables.node_mut(metastore).exists = true;
        securables
    }

    /// Takes note of a securable and of all it is in, existing or not.
    pub(crate) fn intern(&mut self, securable: &Securable) -> SecurableId {
        if let Some(&id) = self.ids.get(securable) {
            return id;
        }
        let parent = securable.parent().map(|parent| self.intern(&parent));
        let id = SecurableId(u32::try_from(self.nodes.len()).expect("four billion securables do not fit in memory"));
        self.ids.insert(securable.clone(), id);
        self.nodes.push(Node {
            securable: securable.clone(),
            exists: false,
            owner: None,
            masks: Vec::new(),
            has_pii: false,
            tags: BTreeSet::new(),
            row_filters: Vec::new(),
            parent,
            grants: Vec::new(),
            inside: Vec::new(),
        });
        id
    }

    /// Makes a securable exist.
    pub(crate) fn declare(&mut self, securable: &Securable, owner: PrincipalId, columns: &[Column]) -> &mut Node {
        let id = self.intern(securable);
        let node = self.node_mut(id);
        node.exists = true;
        node.owner = Some(owner);
        let mask = |c: &Column| c.effective_mask().map(|mask| ColumnRule { column: c.name.clone(), mask });
        node.masks = columns.iter().filter_map(mask).collect();
        node.has_pii = columns.iter().any(Column::is_pii);
        node.tags = columns.iter().flat_map(|c| c.tags.iter().cloned()).collect();
        node
    }

    /// Adds a grant.
    pub(crate) fn grant(&mut self, securable: &Securable, to: PrincipalId, privileges: impl IntoIterator<Item = Privilege>) {
        let rights = Rights::new(privileges, securable.kind());
        if !rights.is_empty() {
            let id = self.intern(securable);
            self.node_mut(id).grants.push((to, rights));
        }
    }

    /// Brings everything into the order that lookups rely on. Called once, after the last declaration and grant.
    pub(crate) fn settle(&mut self) {
        for node in &mut self.nodes {
            node.grants.sort_by_key(|&(to, _)| to);
            node.grants.dedup_by(|later, first| {
                let same = later.0 == first.0;
                if same {
                    first.1 = first.1.union(later.1);
                }
                same
            });
        }
        for index in 0..self.nodes.len() {
            self.tell_containers(SecurableId(u32::try_from(index).expect("ids are made from u32")));
        }
        for node in &mut self.nodes {
            node.inside.sort_unstable();
            node.inside.dedup_by_key(|(who, _)| *who);
        }
    }

    /// Notes on all that a securable is in who may know of it, and so must be able to find the way to it.
    fn tell_containers(&mut self, id: SecurableId) {
        let node = self.node(id);
        if !node.exists {
            return;
        }
        let telling = |rights: Rights| rights.has(Privilege::Browse) || rights.has(Privilege::Manage);
        let granted = node.grants.iter().filter(|(_, rights)| telling(*rights)).map(|(to, _)| *to);
        let who: Vec<PrincipalId> = granted.chain(node.owner).collect();
        let containers: Vec<SecurableId> = self.chain(id).skip(1).map(|(id, _)| id).collect();
        for container in containers {
            self.node_mut(container).inside.extend(who.iter().map(|&who| (who, id)));
        }
    }

    /// The securable, if it exists.
    pub(crate) fn find(&self, securable: &Securable) -> Option<SecurableId> {
        self.ids.get(securable).copied().filter(|&id| self.node(id).exists)
    }

    /// The securable and what it inherits from: itself, its schema, its catalog. The metastore is in no chain but its own,
    /// for nothing is inherited from it.
    pub(crate) fn chain(&self, from: SecurableId) -> impl Iterator<Item = (SecurableId, &Node)> {
        let mut next = Some(from);
        std::iter::from_fn(move || {
            let id = next?;
            let node = self.node(id);
            next = node.parent.filter(|&parent| self.node(parent).securable.kind() != SecurableKind::Metastore);
            Some((id, node))
        })
    }

    /// One securable.
    pub(crate) fn node(&self, id: SecurableId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    fn node_mut(&mut self, id: SecurableId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }
}

impl Node {
    /// The grants on it to anyone in the reach.
    pub(crate) fn grants_to(&self, reach: &Reach, mut found: impl FnMut(PrincipalId, Rights)) {
        meet(&self.grants, reach, |to, rights| {
            found(to, rights);
            false
        });
    }

    /// Something in it that someone in the reach may know of.
    pub(crate) fn known_inside(&self, reach: &Reach) -> Option<SecurableId> {
        let mut witness = None;
        meet(&self.inside, reach, |_, id| {
            witness = Some(id);
            true
        });
        witness
    }
}

/// Goes over the entries whose principal is in the reach, until told to stop. Both are sorted: the shorter one is walked and looked up in the
/// longer, so neither a table granted to thousands nor a principal in hundreds of groups is slow.
fn meet<T: Copy>(entries: &[(PrincipalId, T)], reach: &Reach, mut found: impl FnMut(PrincipalId, T) -> bool) {
    let steps = reach.ids();
    if entries.len() <= steps.len() {
        for &(who, what) in entries {
            if reach.depth(who).is_some() && found(who, what) {
                return;
            }
        }
        return;
    }
    for who in steps {
        if let Ok(index) = entries.binary_search_by_key(&who, |&(who, _)| who)
            && found(who, entries[index].1)
        {
            return;
        }
    }
}
