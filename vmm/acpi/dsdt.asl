// What an operating system learns of the machine by ACPI: the PCI bus with its windows and interrupt wires, the devices
// on the ISA bus that cannot be found by looking, and how to switch it off. Compiled by iasl when Ringfold is built.

// The links that the pins A to D of a slot lead to.
#define SLOT(N, A, B, C, D)                                                                          \
    Package () { (N << 16) | 0xFFFF, 0, A, 0 }, Package () { (N << 16) | 0xFFFF, 1, B, 0 },          \
    Package () { (N << 16) | 0xFFFF, 2, C, 0 }, Package () { (N << 16) | 0xFFFF, 3, D, 0 }
#define FOUR_SLOTS(N)                                                                                \
    SLOT (N, LNKD, LNKA, LNKB, LNKC), SLOT ((N + 1), LNKA, LNKB, LNKC, LNKD),                        \
    SLOT ((N + 2), LNKB, LNKC, LNKD, LNKA), SLOT ((N + 3), LNKC, LNKD, LNKA, LNKB)

// An interrupt link: one routing register of the PIIX3. Bit 7 switches it off, bits 0 to 3 are the IRQ, which is also the
// pin of the I/O APIC. The PIIX turns PCI's wires, low when active, around.
#define LINK(NAME, UID, ROUTE)                                                                       \
    Device (NAME) {                                                                                  \
        Name (_HID, EisaId ("PNP0C0F"))                                                              \
        Name (_UID, UID)                                                                             \
        Name (_PRS, ResourceTemplate () {                                                            \
            Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) {5, 10, 11}                      \
        })                                                                                           \
        Method (_STA, 0) { If (ROUTE & 0x80) { Return (0x09) } Return (0x0B) }                       \
        Method (_DIS, 0) { ROUTE |= 0x80 }                                                           \
        Name (RBUF, ResourceTemplate () {                                                            \
            Interrupt (ResourceConsumer, Level, ActiveHigh, Shared) {0}                              \
        })                                                                                           \
        Method (_CRS, 0) {                                                                           \
            CreateDWordField (RBUF, 5, IRQN)                                                         \
            If (ROUTE & 0x80) { IRQN = 0 } Else { IRQN = ROUTE & 0x0F }                              \
            Return (RBUF)                                                                            \
        }                                                                                            \
        Method (_SRS, 1) {                                                                           \
            CreateDWordField (Arg0, 5, IRQN)                                                         \
            ROUTE = IRQN                                                                             \
        }                                                                                            \
    }

DefinitionBlock ("dsdt.aml", "DSDT", 1, "RINGFD", "RINGFOLD", 1)
{
    // Where PCI memory begins. The machine puts its own number here.
    Name (PMEM, 0xE0000000)

    Name (\_S5, Package () { 0, 0, 0, 0 })

    Scope (\_SB)
    {
        Device (PCI0)
        {
            Name (_HID, EisaId ("PNP0A03"))
            Name (_UID, 0)
            Name (_PRT, Package () {
                FOUR_SLOTS (0), FOUR_SLOTS (4), FOUR_SLOTS (8), FOUR_SLOTS (12),
                FOUR_SLOTS (16), FOUR_SLOTS (20), FOUR_SLOTS (24), FOUR_SLOTS (28)
            })
            Method (_CRS, 0, Serialized)
            {
                Name (CRES, ResourceTemplate () {
                    WordBusNumber (ResourceProducer, MinFixed, MaxFixed, PosDecode, 0, 0, 0xFF, 0, 0x100)
                    IO (Decode16, 0x0CF8, 0x0CF8, 1, 8)
                    WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0, 0x0CF7, 0, 0x0CF8)
                    WordIO (ResourceProducer, MinFixed, MaxFixed, PosDecode, EntireRange, 0, 0x0D00, 0xFFFF, 0, 0xF300)
                    DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, Cacheable, ReadWrite,
                        0, 0x000A0000, 0x000BFFFF, 0, 0x00020000)
                    DWordMemory (ResourceProducer, PosDecode, MinFixed, MaxFixed, NonCacheable, ReadWrite,
                        0, 0xE0000000, 0xFEBFFFFF, 0, 0x1EC00000, , , PCIM)
                })
                CreateDWordField (CRES, PCIM._MIN, PMIN)
                CreateDWordField (CRES, PCIM._MAX, PMAX)
                CreateDWordField (CRES, PCIM._LEN, PLEN)
                PMIN = PMEM
                PLEN = PMAX - PMIN + 1
                Return (CRES)
            }

            // Where one was left out, there is nothing to read.
            Device (HPET)
            {
                Name (_HID, EisaId ("PNP0103"))
                OperationRegion (CAPS, SystemMemory, 0xFED00000, 8)
                Field (CAPS, DWordAcc, NoLock, Preserve) { HID, 32, PERD, 32 }
                Method (_STA, 0) { If (HID == 0xFFFFFFFF) { Return (0) } Return (0x0F) }
                Name (_CRS, ResourceTemplate () { Memory32Fixed (ReadOnly, 0xFED00000, 0x400) })
            }
            Device (ISA)
            {
                Name (_ADR, 0x00010000)
                OperationRegion (ROUT, PCI_Config, 0x60, 4)
                Field (ROUT, ByteAcc, NoLock, Preserve) { PRQA, 8, PRQB, 8, PRQC, 8, PRQD, 8 }

                Device (RTC)
                {
                    Name (_HID, EisaId ("PNP0B00"))
                    Name (_CRS, ResourceTemplate () { IO (Decode16, 0x70, 0x70, 1, 2) IRQNoFlags () {8} })
                }
                Device (KBD)
                {
                    Name (_HID, EisaId ("PNP0303"))
                    Name (_CRS, ResourceTemplate () {
                        IO (Decode16, 0x60, 0x60, 1, 1) IO (Decode16, 0x64, 0x64, 1, 1) IRQNoFlags () {1}
                    })
                }
                Device (MOU)
                {
                    Name (_HID, EisaId ("PNP0F13"))
                    Name (_CRS, ResourceTemplate () { IRQNoFlags () {12} })
                }
                Device (COM1)
                {
                    Name (_HID, EisaId ("PNP0501"))
                    Name (_UID, 1)
                    Name (_CRS, ResourceTemplate () { IO (Decode16, 0x3F8, 0x3F8, 0, 8) IRQNoFlags () {4} })
                }
            }
        }

        LINK (LNKA, 0, \_SB.PCI0.ISA.PRQA)
        LINK (LNKB, 1, \_SB.PCI0.ISA.PRQB)
        LINK (LNKC, 2, \_SB.PCI0.ISA.PRQC)
        LINK (LNKD, 3, \_SB.PCI0.ISA.PRQD)
    }
}
