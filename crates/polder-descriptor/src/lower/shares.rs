//! Shares, and the recipients that are known by nothing else.

use polder_model::resource::{self, Resource};
use polder_model::share::{Recipient, Share};

use super::Lowering;
use crate::descriptor::dataset::Shape;

impl Lowering<'_, '_> {
    pub(super) fn shares(&mut self) {
        let index = self.index;
        for share in &index.shares {
            let it = share.it;
            let domain = index.domain(it.domain.as_str());
            let Some(owner) = domain.and_then(|domain| domain.it.owner.as_ref()).map(|owner| owner.value.clone()) else {
                continue;
            };
            for recipient in &it.recipients {
                let name = recipient.name.value.clone();
                // One that is declared is there already, and stays what it is.
                let resource = Resource::ServicePrincipal(resource::ServicePrincipal { name, domain: None });
                self.add(resource, share.file, recipient.name.span);
            }
            let tables = it.datasets.iter().filter_map(|dataset| index.dataset(&dataset.value));
            let share_resource = Share {
                name: it.name.value.clone(),
                domain: it.domain.clone(),
                owner,
                comment: it.description.clone(),
                tables: tables
                    .filter(|dataset| dataset.it.shape == Shape::Table)
                    .map(|dataset| dataset.it.table.clone())
                    .collect(),
                recipients: it
                    .recipients
                    .iter()
                    .map(|recipient| Recipient { name: recipient.name.value.clone(), networks: recipient.networks.clone() })
                    .collect(),
            };
            self.add(Resource::Share(Box::new(share_resource)), share.file, it.name.span);
        }
    }
}
