if [ -z "$POLDER_URL" ] || [ -z "$POLDER_SHA256" ]; then
  echo "write where polder is into POLDER_URL and its SHA-256 into POLDER_SHA256, at the top of <{ file }>" >&2
  exit 2
fi
mkdir -p "<{ temporary }>/polder/bin"
curl --fail --silent --show-error --location --output "<{ temporary }>/polder/bin/polder" "$POLDER_URL"
echo "$POLDER_SHA256  <{ temporary }>/polder/bin/polder" | sha256sum --check --strict --quiet
chmod +x "<{ temporary }>/polder/bin/polder"
<{ put_on_path }>
