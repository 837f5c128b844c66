//! Regions of the providers, as data: which there are, and in which part of the world data in them is.
//!
//! A mesh names a region that is newer than these tables under `regions`. Begin with [`known`] and [`residency`].

use polder_model::Provider;
use polder_model::usage::Residency;

/// Regions of one part of the world; of those without one, data is somewhere else.
type Part = (Option<Residency>, &'static [&'static str]);

/// Where a provider lists its regions.
#[must_use]
pub const fn source(provider: Provider) -> &'static str {
    match provider {
        Provider::Azure => "learn.microsoft.com/azure/reliability/regions-list",
        Provider::Aws => "docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html",
        Provider::Gcp => "cloud.google.com/compute/docs/regions-zones",
    }
}

/// The regions of a provider that are known here.
pub fn known(provider: Provider) -> impl Iterator<Item = &'static str> + Clone {
    parts(provider).iter().flat_map(|(_, regions)| regions.iter().copied())
}

/// In which part of the world a region is. Of one that is not known nobody can say so.
#[must_use]
pub fn residency(provider: Provider, region: &str) -> Option<Residency> {
    parts(provider).iter().find(|(_, regions)| regions.contains(&region)).and_then(|(part, _)| *part)
}

/// Whether a region is known to have no availability zones. At AWS and Google each has some.
pub(crate) fn has_one_zone(provider: Provider, region: &str) -> bool {
    provider == Provider::Azure && AZURE_OF_ONE_ZONE.contains(&region)
}

const fn parts(provider: Provider) -> &'static [Part] {
    match provider {
        Provider::Azure => AZURE,
        Provider::Aws => AWS,
        Provider::Gcp => GOOGLE,
    }
}

/// Azure's own, and those of its clouds for governments and for China.
const AZURE: &[Part] = &[
    (
        Some(Residency::Eu),
        &[
            "austriaeast",
            "belgiumcentral",
            "denmarkeast",
            "francecentral",
            "francesouth",
            "germanynorth",
            "germanywestcentral",
            "italynorth",
            "northeurope",
            "polandcentral",
            "spaincentral",
            "swedencentral",
            "swedensouth",
            "westeurope",
        ],
    ),
    (Some(Residency::Uk), &["uksouth", "ukwest"]),
    (
        Some(Residency::Us),
        &[
            "centralus",
            "eastus",
            "eastus2",
            "northcentralus",
            "southcentralus",
            "usdodcentral",
            "usdodeast",
            "usgovarizona",
            "usgovtexas",
            "usgovvirginia",
            "westcentralus",
            "westus",
            "westus2",
            "westus3",
        ],
    ),
    (
        None,
        &[
            "australiacentral",
            "australiacentral2",
            "australiaeast",
            "australiasoutheast",
            "brazilsouth",
            "brazilsoutheast",
            "canadacentral",
            "canadaeast",
            "centralindia",
            "chilecentral",
            "chinaeast",
            "chinaeast2",
            "chinaeast3",
            "chinanorth",
            "chinanorth2",
            "chinanorth3",
            "eastasia",
            "indonesiacentral",
            "israelcentral",
            "japaneast",
            "japanwest",
            "jioindiacentral",
            "jioindiawest",
            "koreacentral",
            "koreasouth",
            "malaysiawest",
            "mexicocentral",
            "newzealandnorth",
            "norwayeast",
            "norwaywest",
            "qatarcentral",
            "southafricanorth",
            "southafricawest",
            "southeastasia",
            "southindia",
            "switzerlandnorth",
            "switzerlandwest",
            "uaecentral",
            "uaenorth",
            "westindia",
        ],
    ),
];

/// Regions of Azure without availability zones, as the same list says.
const AZURE_OF_ONE_ZONE: &[&str] = &[
    "australiacentral",
    "australiacentral2",
    "australiasoutheast",
    "brazilsoutheast",
    "canadaeast",
    "francesouth",
    "germanynorth",
    "jioindiacentral",
    "jioindiawest",
    "koreasouth",
    "northcentralus",
    "norwaywest",
    "southafricawest",
    "southindia",
    "swedensouth",
    "switzerlandwest",
    "uaecentral",
    "ukwest",
    "westcentralus",
    "westindia",
    "westus",
];

/// AWS' own, and those of its partitions. Zurich is in Switzerland; where `eu-isoe-west-1` is, is not said.
const AWS: &[Part] = &[
    (
        Some(Residency::Eu),
        &["eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3", "eusc-de-east-1"],
    ),
    (Some(Residency::Uk), &["eu-west-2"]),
    (
        Some(Residency::Us),
        &[
            "us-east-1",
            "us-east-2",
            "us-gov-east-1",
            "us-gov-west-1",
            "us-iso-east-1",
            "us-iso-west-1",
            "us-isob-east-1",
            "us-isob-west-1",
            "us-isof-east-1",
            "us-isof-south-1",
            "us-west-1",
            "us-west-2",
        ],
    ),
    (
        None,
        &[
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-central-1",
            "ca-west-1",
            "cn-north-1",
            "cn-northwest-1",
            "eu-central-2",
            "eu-isoe-west-1",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "mx-central-1",
            "sa-east-1",
        ],
    ),
];

/// Google's. Zurich (`europe-west6`) is in Switzerland.
const GOOGLE: &[Part] = &[
    (
        Some(Residency::Eu),
        &[
            "europe-central2",
            "europe-north1",
            "europe-north2",
            "europe-southwest1",
            "europe-west1",
            "europe-west10",
            "europe-west12",
            "europe-west3",
            "europe-west4",
            "europe-west8",
            "europe-west9",
        ],
    ),
    (Some(Residency::Uk), &["europe-west2"]),
    (
        Some(Residency::Us),
        &["us-central1", "us-east1", "us-east4", "us-east5", "us-south1", "us-west1", "us-west2", "us-west3", "us-west4"],
    ),
    (
        None,
        &[
            "africa-south1",
            "asia-east1",
            "asia-east2",
            "asia-northeast1",
            "asia-northeast2",
            "asia-northeast3",
            "asia-south1",
            "asia-south2",
            "asia-southeast1",
            "asia-southeast2",
            "asia-southeast3",
            "australia-southeast1",
            "australia-southeast2",
            "europe-west6",
            "me-central1",
            "me-central2",
            "me-west1",
            "northamerica-northeast1",
            "northamerica-northeast2",
            "northamerica-south1",
            "southamerica-east1",
            "southamerica-west1",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_region_is_in_two_parts_of_the_world_or_of_two_providers() {
        let mut all: Vec<&str> = Provider::ALL.into_iter().flat_map(known).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(AZURE_OF_ONE_ZONE.iter().all(|region| all.contains(region)));
        assert!(all.iter().all(|region| region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')));
    }
}
