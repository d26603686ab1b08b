// Names of the 82540EM's registers and their bits (Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software
// Developer's Manual 317453, chapter 13).
#pragma once

#include <cstdint>

namespace ringfold::e1000 {

enum Register : uint32_t {
    kCtrl = 0x0000,
    kDeviceStatus = 0x0008,
    kEecd = 0x0010,
    kEerd = 0x0014,
    kCtrlExt = 0x0018,
    kMdic = 0x0020,
    kFcal = 0x0028,
    kFcah = 0x002c,
    kFct = 0x0030,
    kVet = 0x0038,
    kIcr = 0x00c0,
    kItr = 0x00c4,
    kIcs = 0x00c8,
    kIms = 0x00d0,
    kImc = 0x00d8,
    kRctl = 0x0100,
    kFcttv = 0x0170,
    kTctl = 0x0400,
    kTipg = 0x0410,
    kAit = 0x0458,
    kLedctl = 0x0e00,
    kPba = 0x1000,
    kFcrtl = 0x2160,
    kFcrth = 0x2168,
    kRdbal = 0x2800,
    kRdbah = 0x2804,
    kRdlen = 0x2808,
    kRdh = 0x2810,
    kRdt = 0x2818,
    kRdtr = 0x2820,
    kRxdctl = 0x2828,
    kRadv = 0x282c,
    kTdbal = 0x3800,
    kTdbah = 0x3804,
    kTdlen = 0x3808,
    kTdh = 0x3810,
    kTdt = 0x3818,
    kTidv = 0x3820,
    kTxdctl = 0x3828,
    kTadv = 0x382c,
    kStatistics = 0x4000,
    kMpc = 0x4010,
    kGprc = 0x4074,
    kGptc = 0x4080,
    kTpr = 0x40d0,
    kTpt = 0x40d4,
    kStatisticsEnd = 0x4100,
    kRxcsum = 0x5000,
    kMta = 0x5200,
    kMtaEnd = 0x5400,
    kRal = 0x5400,
    kRah = 0x5404,
    kRaEnd = 0x5480,
    kVfta = 0x5600,
    kVftaEnd = 0x5800,
    kWuc = 0x5800,
    kManc = 0x5820,
    // Of the 82571 and later (manual 316080, 13.3): locks that software and the card's firmware share. U-Boot's driver takes
    // them on every card; QEMU's 82540EM has them too.
    kSwsm = 0x5b50,
    kSwFwSync = 0x5b5c,
    kEnd = 0x6000,
};

// Ctrl.
inline constexpr uint32_t kSetLinkUp = 1 << 6, kReset = 1 << 26, kVlanMode = 1 << 30;
// Status.
inline constexpr uint32_t kFullDuplex = 1, kLinkUp = 2, kSpeed1000 = 2 << 6;
// Eecd.
inline constexpr uint32_t kSk = 1 << 0, kCs = 1 << 1, kDi = 1 << 2, kDo = 1 << 3, kRequest = 1 << 6, kGrant = 1 << 7,
                          kPresent = 1 << 8;
// Eerd.
inline constexpr uint32_t kEerdStart = 1 << 0, kEerdDone = 1 << 4;
// Mdic.
inline constexpr uint32_t kMdicWrite = 1 << 26, kMdicRead = 2 << 26, kMdicReady = 1 << 28, kMdicInterrupt = 1 << 29,
                          kMdicError = 1 << 30;
// Interrupt.
inline constexpr uint32_t kTxdw = 1 << 0, kTxqe = 1 << 1, kLsc = 1 << 2, kRxdmt0 = 1 << 4, kRxo = 1 << 6,
                          kRxt0 = 1 << 7, kMdac = 1 << 9, kInterruptBits = 0x1ffff;
// Rctl.
inline constexpr uint32_t kRxEnable = 1 << 1, kUnicastPromiscuous = 1 << 3, kMulticastPromiscuous = 1 << 4,
                          kLongPackets = 1 << 5, kBroadcast = 1 << 15, kVlanFilter = 1 << 18, kSizeExtended = 1 << 25,
                          kStripCrc = 1 << 26;
// Tctl.
inline constexpr uint32_t kTxEnable = 1 << 1, kPadShort = 1 << 3;
// Rah.
inline constexpr uint32_t kAddressValid = 1u << 31;

// Transmit descriptors: bits of the third dword's command byte, and what stands in the fourth.
// TxCommand.
inline constexpr uint8_t kEop = 1 << 0, kInsertChecksum = 1 << 2, kTcpContext = 1 << 0, kIpContext = 1 << 1,
                         kSegmentation = 1 << 2, kReportStatus = 1 << 3, kReportSent = 1 << 4, kExtended = 1 << 5,
                         kVlanInsert = 1 << 6;
// TxOptions.
inline constexpr uint8_t kIpChecksum = 1 << 0, kTcpChecksum = 1 << 1;
// Done.
inline constexpr uint8_t kDescriptorDone = 1 << 0;
// RxStatus.
inline constexpr uint8_t kRxEop = 1 << 1, kIgnoreChecksum = 1 << 2, kVlanPacket = 1 << 3;

}  // namespace ringfold::e1000
