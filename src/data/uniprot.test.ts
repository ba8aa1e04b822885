/** Headers as UniProt writes them, and as others do. */
import { expect, test } from "vitest";
import { accessionOf, parseUniProtHeader } from "./uniprot.ts";

test.each([
  {
    header: ">sp|P00974|BPT1_BOVIN Pancreatic trypsin inhibitor OS=Bos taurus OX=9913 GN=PTI PE=1 SV=2",
    parts: {
      database: "Swiss-Prot",
      accession: "P00974",
      entryName: "BPT1_BOVIN",
      proteinName: "Pancreatic trypsin inhibitor",
      organism: "Bos taurus",
      taxon: 9913,
      gene: "PTI",
      existence: 1,
      version: 2,
    },
  },
  {
    header:
      "sp|Q4R572-2|1433B_MACFA Isoform Short of 14-3-3 protein beta/alpha OS=Macaca fascicularis OX=9541 GN=YWHAB",
    parts: {
      database: "Swiss-Prot",
      accession: "Q4R572-2",
      isoform: 2,
      entryName: "1433B_MACFA",
      proteinName: "Isoform Short of 14-3-3 protein beta/alpha",
      organism: "Macaca fascicularis",
      taxon: 9541,
      gene: "YWHAB",
    },
  },
  {
    header:
      ">tr|A0A0S1XBG1|A0A0S1XBG1_9EURY Genome polyprotein (Fragment) OS=Dengue virus 3 (isolate: D3/H, n=2) PE=4 SV=1 Split=0",
    parts: {
      database: "TrEMBL",
      accession: "A0A0S1XBG1",
      entryName: "A0A0S1XBG1_9EURY",
      proteinName: "Genome polyprotein (Fragment)",
      organism: "Dengue virus 3 (isolate: D3/H, n=2)",
      existence: 4,
      version: 1,
    },
  },
  {
    header: ">UniRef50_Q9K794 Cluster: Putative AgrB-like protein n=2 Tax=Bacillus TaxID=1386 RepID=AGRB_BACHD",
    parts: {
      database: "UniRef",
      accession: "Q9K794",
      cluster: "UniRef50_Q9K794",
      proteinName: "Putative AgrB-like protein",
      members: 2,
      organism: "Bacillus",
      taxon: 1386,
      representative: "AGRB_BACHD",
    },
  },
  {
    header: ">P00974|BPT1_BOVIN test PS00280",
    parts: { database: "other", accession: "P00974", entryName: "BPT1_BOVIN", proteinName: "test PS00280" },
  },
  { header: ">P00974", parts: { database: "other", accession: "P00974" } },
  {
    header: "gi|129295|sp|P01013|OVAX_CHICK",
    parts: { database: "other", accession: "gi|129295|sp|P01013|OVAX_CHICK" },
  },
  {
    header: ">my-protein-2  of mine ",
    parts: { database: "other", accession: "my-protein-2", proteinName: "of mine" },
  },
  { header: ">sp||X", parts: { database: "other", accession: "sp||X" } },
  { header: "", parts: { database: "other", accession: "" } },
])("reads $header", ({ header, parts }) => {
  expect(parseUniProtHeader(header)).toEqual(parts);
  const [id = ""] = header.replace(">", "").split(" ");
  expect(accessionOf(id)).toBe(parts.accession);
});
